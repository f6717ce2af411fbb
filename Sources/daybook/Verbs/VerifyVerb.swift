import Pipeline
import Warehouse

/// `daybook verify`: the conservation proof.
enum VerifyVerb: Verb {
    static let name = "verify"
    static let summary = "proves that nothing was lost and nothing doubled"
    static let options: [Option] = [
        .project, .database, .json,
        Option("--deep", nil, "read the sources that still exist once more, and compare each event"),
    ]
    static let discussion = """
        Recounts raw.events by load against the ledger, and checks that read = loaded + duplicate + rejected +
        filtered, that the ranges read of each file follow each other, and that each event lies in its own day.
        With --deep it reads the files again, as far as they are there as they were read (the answers of an API
        are not kept), parses them by the definitions of today, and looks for each of their events, with its
        content, in raw.events.

        exit codes: 0 all is well, 2 something is wrong
        """

    private struct Report: Encodable {
        var ok: Bool { problems.isEmpty }
        var problems: [String]
        var deep: DeepVerification.Outcome?

        private enum CodingKeys: String, CodingKey { case ok, problems, loads, events, erased, gone }

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(ok, forKey: .ok)
            try values.encode(problems, forKey: .problems)
            try values.encodeIfPresent(deep?.loads, forKey: .loads)
            try values.encodeIfPresent(deep?.events, forKey: .events)
            try values.encodeIfPresent(deep?.erased, forKey: .erased)
            try values.encodeIfPresent(deep?.gone, forKey: .gone)
        }
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let warehouse = try Warehouse.open(try context.conninfo(), creating: false)
        var report = Report(problems: try Verification.problems(warehouse.connection))
        if arguments.has("--deep") {
            let project = try context.project()
            let deep = DeepVerification(project, warehouse.connection) { Terminal.error($0) }
            let outcome = try deep.run(try project.pipelines([]))
            report.problems += outcome.problems
            report.deep = outcome
        }
        if arguments.isJSON {
            try JSONOutput.print(report)
        } else if report.ok {
            Terminal.out("ok: every event read is accounted for")
            if let deep = report.deep {
                Terminal.out(
                    "\(Human.plural(deep.events, "event")) of \(Human.plural(deep.loads, "load")) read again, all as "
                        + "they were loaded"
                        + (deep.erased > 0
                            ? ", but for \(Human.plural(deep.erased, "event")) that \(deep.erased == 1 ? "was" : "were") erased on request"
                            : "")
                        + (deep.gone > 0 ? "; \(Human.plural(deep.gone, "load")) of files that are gone" : "")
                )
            }
        } else {
            for problem in report.problems { Terminal.error(problem) }
            Terminal.error(Human.plural(report.problems.count, "problem"))
        }
        return report.ok ? .done : .checkFailed
    }
}
