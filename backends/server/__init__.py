"""An HTTP server for one machine, in the words of OpenAI's interface."""
