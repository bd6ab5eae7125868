"""What closes teach the models that had a part in them: the outbox in, journalled sessions out."""
