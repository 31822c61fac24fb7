"""`python -m deploy.local.documents`: write the generated documents that are stale, remove those that are no more."""

from deploy.local.documents.everything import DOCS, OWNED, everything


def main() -> None:
    """Write what is stale and say what was written."""
    documents = everything()
    for name, text in documents.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.resolve().relative_to(DOCS.parent)}")
    for folder in OWNED:
        for path in sorted((DOCS / folder).glob("*")):
            if str(path.relative_to(DOCS)) not in documents:
                path.unlink()
                print(f"removed docs/{path.relative_to(DOCS)}")


if __name__ == "__main__":
    main()
