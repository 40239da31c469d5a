"""How the intent search is learned and measured. Development only."""
