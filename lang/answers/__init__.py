"""How a gen or a select at work comes to its value."""
