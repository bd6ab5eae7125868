"""The torch side of the backprop journal: what a step consumed, and stepping to the same bits again."""
