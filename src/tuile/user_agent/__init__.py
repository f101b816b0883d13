"""What a browser does with cookies: which it keeps and sends, by which rule, and how browsers differ."""
