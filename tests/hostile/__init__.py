"""Input made to break the compiler: it must be compiled or refused, in bounded time and memory."""
