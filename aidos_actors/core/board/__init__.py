"""The Scheduler's judgement: ``board`` is its door, all else here is behind it."""
