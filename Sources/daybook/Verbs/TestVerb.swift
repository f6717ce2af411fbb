import Pipeline
import Postgres
import Transform
import Warehouse

/// `daybook test`: the checks of the report tables, and the tests of the models.
enum TestVerb: Verb {
    static let name = "test"
    static let summary = "checks the report tables, and tests the transforms"
    static let operands = "[NAME…]"
    static let options: [Option] = [.project, .database, .json]
    static let discussion = """
        A check, sql/checks/NAME.sql, is a SELECT whose rows are failures; "-- severity: warn" at its top makes
        them warnings. A test, sql/tests/NAME.sql, gives rows to a model and says what it must make of them.
        Daybook brings some of both, a project adds its own. NAME: only these, of either kind.

        exit codes: 0 all is well (or warnings only), 2 something failed
        """

    private struct Report: Encodable {
        struct Check: Encodable {
            let check: String
            let severity: SQLCheck.Severity
            let failures: Int
            /// The first few.
            let rows: [[String: String?]]
        }
        struct Test: Encodable {
            let test: String
            let model: String
            /// `-` expected and missing, `+` there and not expected.
            let differences: [String]
        }

        var checks: [Check] = []
        var tests: [Test] = []
        /// Of checks and tests that cannot be used.
        var mistakes: [String] = []
        var ok: Bool {
            mistakes.isEmpty && checks.allSatisfy { $0.failures == 0 || $0.severity == .warn }
                && tests.allSatisfy { $0.differences.isEmpty }
        }

        /// What the body gives; nil, and a mistake noted, where it cannot be used: the others are still run.
        mutating func keepingMistakes<Value>(_ body: () throws -> Value) throws -> Value? {
            do {
                return try body()
            } catch let error as TransformError {
                mistakes.append("\(error)")
                return nil
            }
        }

        private enum CodingKeys: String, CodingKey { case ok, checks, tests, mistakes }

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(ok, forKey: .ok)
            try values.encode(checks, forKey: .checks)
            try values.encode(tests, forKey: .tests)
            try values.encode(mistakes, forKey: .mistakes)
        }
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let sql = try context.project().sqlFiles()
        let models = try Model.ordered(sql.folder("transforms"))
        var checks = try sql.folder("checks").map { try SQLCheck($0) }
        var tests = try sql.folder("tests").map { try ModelTest($0, models) }
        if !arguments.positionals.isEmpty {
            let names = checks.map(\.name) + tests.map(\.name)
            for name in arguments.positionals where !names.contains(name) {
                throw UsageError(
                    "there is no check or test \"\(name)\"" + Spelling.suggestion(name, in: names)
                        + "; there are: \(names.joined(separator: ", "))")
            }
            checks = checks.filter { arguments.positionals.contains($0.name) }
            tests = tests.filter { arguments.positionals.contains($0.name) }
        }

        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        var report = Report()
        for test in tests {
            guard let differences = try report.keepingMistakes({ try test.run(connection) }) else { continue }
            report.tests.append(
                Report.Test(test: test.name, model: test.model.name, differences: differences))
            guard !arguments.isJSON else { continue }
            Terminal.out(
                "\(differences.isEmpty ? "ok    " : "failed")  test   \(test.name): \(test.description)")
            for line in differences { Terminal.out("        \(line)") }
        }
        // All checks see one state.
        try connection.snapshot {
            for check in checks {
                guard
                    let outcome = try report.keepingMistakes({
                        try connection.rehearsal { try check.run(connection) }
                    })
                else { continue }
                report.checks.append(
                    Report.Check(
                        check: check.name, severity: check.severity, failures: outcome.failures,
                        rows: outcome.rows.map { row in
                            Dictionary(
                                row.map { ($0.column, $0.value) }, uniquingKeysWith: { first, _ in first })
                        }))
                if !arguments.isJSON { tell(outcome) }
            }
        }
        if arguments.isJSON { try JSONOutput.print(report) }
        for mistake in report.mistakes { Terminal.error("daybook test: \(mistake)") }
        return !report.mistakes.isEmpty ? .badDefinition : report.ok ? .done : .checkFailed
    }

    private static func tell(_ outcome: SQLCheck.Outcome) {
        let check = outcome.check
        let verdict = outcome.failures == 0 ? "ok    " : check.severity == .warn ? "warn  " : "failed"
        Terminal.out("\(verdict)  check  \(check.name): \(check.description)")
        guard outcome.failures > 0 else { return }
        for row in outcome.rows {
            Terminal.out("        " + row.map { "\($0.column)=\($0.value ?? "∅")" }.joined(separator: " "))
        }
        if outcome.failures > outcome.rows.count {
            Terminal.out("        and \(Human.count(outcome.failures - outcome.rows.count)) more")
        }
    }
}
