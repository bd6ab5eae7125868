"""The operator's console; it watches what others do, and queues work for them."""
