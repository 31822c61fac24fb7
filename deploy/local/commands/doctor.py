"""`kith doctor`: what is missing on this machine, and how to get it."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(doctor)


def doctor() -> None:
    """Say what is missing, with the command that gets it; exit 1 when something that is needed is."""
    from deploy.local import doctor as machine
    from deploy.local.folder import DataFolder
    from deploy.local.kafka import check_installed
    from deploy.local.runtime import is_running
    from deploy.local.stack import check_ports
    from schemas.errors import KithError
    from schemas.settings import Settings

    settings = Settings()
    folder = DataFolder.at(settings.data_dir)
    findings = [
        *machine.set_up_findings(),
        machine.check_disk(str(folder.root), machine.RUN_BYTES),
    ]
    if settings.kafka_bootstrap is None:
        try:
            check_installed()
            findings.append(machine.Finding("Kafka", True, "jars are there"))
        except KithError as error:
            findings.append(machine.Finding("Kafka", False, "missing", str(error)))
    if not is_running(folder):
        findings += check_ports(settings)
    findings += machine.test_findings()
    typer.echo("\n".join(machine.report(findings)))
    if any(not (finding.ok or finding.optional) for finding in findings):
        raise typer.Exit(1)
