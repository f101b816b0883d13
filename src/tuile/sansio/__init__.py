"""Registration for applications and blueprints, without input and output."""
