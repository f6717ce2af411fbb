import Foundation
import Pipeline

/// The command: finds the verb, runs it, and turns what went wrong into words and an exit code.
@main
enum Daybook {
    static var verbs: [any Verb.Type] {
        [
            InitVerb.self, DemoVerb.self, GuessVerb.self, CheckVerb.self, PreviewVerb.self, RunVerb.self,
            LoadVerb.self, TransformVerb.self, RestateVerb.self, ScheduleVerb.self, RunsVerb.self,
            StatusVerb.self, AlertsVerb.self, ReportVerb.self, ExplainVerb.self, TraceVerb.self,
            LocateVerb.self,
            FindVerb.self,
            ExpectVerb.self, RejectsVerb.self, ResendVerb.self, EraseVerb.self, DriftVerb.self,
            LineageVerb.self,
            VerifyVerb.self, CompactVerb.self, RetainVerb.self, ExportVerb.self, TestVerb.self,
            DashboardsVerb.self, GenerateVerb.self, DBVerb.self, GrantReaderVerb.self, GrantLoaderVerb.self,
            CompletionsVerb.self,
        ]
    }

    static func main() {
        // A reader that goes away must not end a run halfway, and a descriptor that is closed must not become the
        // database's socket.
        signal(SIGPIPE, SIG_IGN)
        // Whoever started us may have ignored the ends of children; we want to know of ours.
        signal(SIGCHLD, SIG_DFL)
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDWR)
        }
        var code = run(Array(CommandLine.arguments.dropFirst()))
        if let reason = Terminal.outputFailure {
            Terminal.error("daybook: the output cannot be written: \(reason)")
            if code == .done { code = .failed }
        }
        exit(code.rawValue)
    }

    private static func run(_ words: [String]) -> ExitCode {
        guard let word = words.first else {
            Terminal.error(help)
            return .usage
        }
        switch word {
        case "--help", "-h", "help":
            guard let asked = words.dropFirst().first else {
                Terminal.out(help)
                return .done
            }
            guard let verb = verbs.first(where: { $0.name == asked }) else { return tellNoVerb(asked) }
            Terminal.out(verb.help)
            return .done
        case "--version", "version":
            Terminal.out("daybook \(daybookVersion)")
            return .done
        default: break
        }
        guard let verb = verbs.first(where: { $0.name == word }) else {
            return tellNoVerb(word)
        }
        do {
            let arguments = try Arguments(
                verb: verb.name, Array(words.dropFirst()), options: verb.options,
                maxPositionals: verb.maxOperands)
            if arguments.has("--help") {
                Terminal.out(verb.help)
                return .done
            }
            return try verb.run(arguments)
        } catch {
            // A program that reads JSON gets its document also where nothing could begin.
            if words.contains(Option.json.name), verb.options.contains(where: { $0.name == Option.json.name })
            {
                try? JSONOutput.print(["status": "failed", "error": "\(error)"])
            }
            return tell(error, verb: verb.name)
        }
    }

    private static func tellNoVerb(_ word: String) -> ExitCode {
        let hint =
            word.hasPrefix("-")
            ? "; the verb comes first: daybook VERB \(word)"
            : Spelling.suggestion(word, in: verbs.map { $0.name })
        Terminal.error("daybook: there is no verb \"\(word)\"\(hint)\n  see: daybook --help")
        return .usage
    }

    /// Says what went wrong and what to do; gives the exit code that tells it to programs.
    static func tell(_ error: any Error, verb: String) -> ExitCode {
        let code = ExitCode(error)
        Terminal.endProgress()
        switch error {
        case is DefinitionError: Terminal.error("\(error)")
        case is UsageError: Terminal.error("daybook \(verb): \(error)\n  see: daybook \(verb) --help")
        default: Terminal.error("daybook \(verb): \(error)")
        }
        return code
    }

    private static var help: String {
        let width = verbs.map { $0.name.count }.max() ?? 0
        let lines = verbs.map { "  \($0.name.padding(to: width))  \($0.summary)" }
        return """
            Daybook loads event logs into PostgreSQL and keeps hourly SLA tables of them.

            usage: daybook VERB [OPTIONS]

            \(lines.joined(separator: "\n"))

            daybook VERB --help tells more about one; daybook --version tells the version.
            To see it all at work: daybook demo
            """
    }
}
