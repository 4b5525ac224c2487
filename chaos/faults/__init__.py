"""The faults a campaign can inject, one idea a file."""
