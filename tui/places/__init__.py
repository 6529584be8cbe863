"""Where somebody is: the lists of things that deeds are done to, the first page, and the area that shows one thing."""
