import Pipeline

/// `daybook dashboards`: the project's SLAs in the BI tool that is there already.
enum DashboardsVerb: Verb {
    static let name = "dashboards"
    static let summary = "writes dashboards for Grafana, Superset or Metabase"
    static let options: [Option] = [
        .project,
        Option("--for", "grafana|superset|metabase", "the tool that shows them"),
        Option("--out", "DIR", "where to write; files of others are left alone"),
        Option(
            "--connect", "URL", "where the tool finds the database (default: \(DashboardConnection.standard))"
        ),
        Option(
            "--title", "TITLE",
            "what the dashboard is called (default: Service levels); another title, another dashboard"),
        .json,
    ]
    static let discussion = """
        Made of the definitions alone: no database is asked. They read the tables of the schema report and nothing else,
        as a user who may read only; no password is in them.

        grafana   provisioning/ (a datasource, a provider) and dashboards/; the password comes from the environment
        superset  daybook_superset.zip to import (Dashboards, Import), and the same as a folder
        metabase  one question in SQL a file

        Made again, they are the same files for the same definitions, and a dashboard that is imported again takes the
        place of the one before. A file that Daybook did not write is never overwritten.

          daybook dashboards --for superset --out dashboards/superset
          daybook dashboards --for grafana --out g --connect 'postgresql://bi@db.example/shop?sslmode=verify-full'

        exit codes: 0 done, 1 failed, 64 wrong usage, 78 bad definition
        """

    private struct Document: Encodable {
        let tool: String
        let out: String
        let slas: [String]
        let files: [String]
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let tool = try arguments.choice("--for", ["grafana", "superset", "metabase"]) else {
            throw UsageError("say for what: --for grafana, superset or metabase")
        }
        guard let out = arguments.outFile else {
            throw UsageError("say where to write: --out DIR; stdout cannot take several files")
        }
        let connection = try DashboardConnection(arguments["--connect"] ?? DashboardConnection.standard)
        let slas = try Context(arguments).project().pipelines([]).flatMap(\.slas)
        guard !slas.isEmpty else {
            throw UsageError("the project has no SLA; declare one under \"slas\" in a pipeline")
        }
        let project = DashboardProject(
            title: arguments["--title"] ?? "Service levels", slas: slas, connection: connection)
        let files =
            switch tool {
            case "grafana": GrafanaDashboard(project: project).files
            case "superset": SupersetBundle(project: project).files
            default: MetabaseQuestions(project: project).files
            }
        try files.write(to: out)
        if arguments.isJSON {
            try JSONOutput.print(
                Document(tool: tool, out: out, slas: slas.map(\.name), files: files.files.map(\.path)))
        } else {
            Terminal.out(
                "wrote \(Human.plural(files.files.count, "file")) to \(out), for \(Human.plural(slas.count, "SLA"))"
            )
            Terminal.out(next(tool, out, user: Cell.text(connection.user)))
        }
        return .done
    }

    private static func next(_ tool: String, _ out: String, user: String) -> String {
        switch tool {
        case "superset":
            "  import \(out)/daybook_superset.zip under Dashboards; it asks for the password of \(user)"
        case "grafana": "  see \(out)/README.md for where they go, and which variables Grafana takes"
        default: "  see \(out)/README.md for how to add them"
        }
    }
}
