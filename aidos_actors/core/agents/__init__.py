"""What is to be known of coding agents: what they are told, what they say, and what their end means."""
