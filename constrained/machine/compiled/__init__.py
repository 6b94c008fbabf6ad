"""The passes of a machine as loops that become machine code; see passes.py for who takes them."""
