import Foundation
import Pipeline

/// `daybook check`: reads the definitions and looks at what they name.
enum CheckVerb: Verb {
    static let name = "check"
    static let summary = "reads the definitions and tries what they name; loads nothing"
    static let operands = "[PIPELINE…]"
    static let options: [Option] = [.project, .database, .json]
    static let discussion = """
        Tells every mistake with its file, line and column, and doubts as warnings: an SLA whose types no event
        has, a column that a file does not have, a pattern that matches no file. Of an API it asks for the first
        page, and looks at its items and at how it leads to the next. Makes no tables.

        exit codes: 0 nothing but warnings, 78 mistakes, 69 the database or an API cannot be reached
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let project = try context.project()
        let target = context.target(project)
        let database: (() throws -> String?)? = target.isMade ? { try target.conninfo() } : nil
        let report: CheckReport
        do {
            report = try Check.run(project, arguments.positionals, database: database)
        } catch {
            guard arguments.isJSON else { throw error }
            try JSONOutput.print(CheckReport(ok: false, problems: error.problems, isUnreachable: false))
            return .badDefinition
        }
        if arguments.isJSON {
            try JSONOutput.print(report)
        } else {
            for problem in report.problems { Terminal.error(problem.description) }
            let warnings = report.problems.count { $0.severity == .warning }
            let errors = report.problems.count - warnings
            if report.ok {
                Terminal.out("ok" + (warnings > 0 ? ", with \(Human.plural(warnings, "warning"))" : ""))
            } else {
                Terminal.error(Human.plural(errors, "mistake"))
            }
        }
        return report.ok ? .done : report.isUnreachable ? .unreachable : .badDefinition
    }
}
