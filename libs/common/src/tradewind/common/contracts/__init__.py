"""What the services say to each other: one module an owner's noun, plus the task spec and the value types.

Every message is a frozen model, declared once and registered (`registry`). The registry yields subjects,
stream
topology, JSON Schema and AsyncAPI. Changes are additive: readers ignore fields that they do not know.
"""
