import Warehouse

/// `daybook verify`: the conservation proof.
enum VerifyVerb: Verb {
    static let name = "verify"
    static let summary = "proves that nothing was lost and nothing doubled"
    static let options: [Option] = [.project, .database, .json]
    static let discussion = """
        Recounts raw.events by load against the ledger, and checks that read = loaded + duplicate + rejected +
        filtered, that the ranges read of each file follow each other, and that each event lies in its own day.

        exit codes: 0 all is well, 2 something is wrong
        """

    private struct Report: Encodable {
        let ok: Bool
        let problems: [String]
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let warehouse = try Warehouse.open(try Context(arguments).conninfo(), creating: false)
        let problems = try Verification.problems(warehouse.connection)
        if arguments.isJSON {
            try JSONOutput.print(Report(ok: problems.isEmpty, problems: problems))
        } else if problems.isEmpty {
            Terminal.out("ok: every event read is accounted for")
        } else {
            for problem in problems { Terminal.error(problem) }
            Terminal.error(Human.plural(problems.count, "problem"))
        }
        return problems.isEmpty ? .done : .checkFailed
    }
}
