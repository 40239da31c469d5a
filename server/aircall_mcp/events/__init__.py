"""What Aircall tells us: received, kept, read, waited for, passed on."""
