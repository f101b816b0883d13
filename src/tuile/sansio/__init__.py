"""What an application and a blueprint register, without any input or output."""
