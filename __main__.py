"""The command `trellis`; see runtime/cli."""


def main() -> None:
    """Runs the command line."""
    from .runtime.cli.app import app

    app(prog_name="trellis")


if __name__ == "__main__":
    main()
