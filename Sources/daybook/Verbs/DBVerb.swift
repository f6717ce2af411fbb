import Foundation
import Pipeline
import Postgres

/// `daybook db`: the private server of the project.
enum DBVerb: Verb {
    static let name = "db"
    static let summary = "the project's private PostgreSQL server: url, start, stop"
    static let operands = "url|start|stop"
    static let options: [Option] = [.project]
    static let discussion = """
        url    starts the server where it is down, and prints one line to connect with: psql "$(daybook db url)"
        start  initialises and starts it
        stop   stops it; the data stays under .daybook/

        A project that names a database, or an environment that does, needs no private server.
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let actions = ["url", "start", "stop"]
        guard let action = arguments.positionals.first else {
            throw UsageError("say what to do: \(actions.joined(separator: ", "))")
        }
        guard actions.contains(action) else {
            throw UsageError("there is no \"\(action)\"\(Spelling.suggestion(action, in: actions))")
        }
        let server = DatabaseTarget.privateServer(of: try Context(arguments).project().directory)
        switch action {
        case "url": Terminal.out(try server.start())
        case "start":
            let wasRunning = server.isRunning
            let url = try server.start()
            Terminal.out(wasRunning ? "running already: \(url)" : "started: \(url)")
        default: Terminal.out(try server.stop() ? "stopped" : "it was not running")
        }
        return .done
    }
}
