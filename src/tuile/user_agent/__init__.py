"""Model how browsers store and send cookies: which ones, by which rule, and where browsers differ."""
