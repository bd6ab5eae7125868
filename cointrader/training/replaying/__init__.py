"""Training again on chosen setups, beside a control that is not chosen, and on steps that were kept."""
