"""The actors of AIDOS: thin shells round the pure core. They talk by messages only; what takes time is a job."""
