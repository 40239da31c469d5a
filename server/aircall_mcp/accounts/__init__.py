"""Who we can act for, and how their requests are signed."""
