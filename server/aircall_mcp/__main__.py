"""`python -m aircall_mcp`: how client configs start the server with this very interpreter."""

from .cli import main

if __name__ == "__main__":
    main()
