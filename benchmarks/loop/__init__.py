"""How a model that is trained again and again survives the success of its own contacts."""
