import Foundation

/// A program that is handed something on stdin, started anew for each call.
package struct ProgramCall: Sendable {
    /// Its name and its arguments.
    package var words: [String]
    /// As a person knows it.
    package var name: String
    /// Variables that it gets beside ours.
    package var environment: [String: String] = [:]
    /// Where it runs.
    package var directory: String
    /// How long it may run.
    package var timeoutSeconds = 60.0
    /// What must never be seen.
    package var secrets = Secrets()

    package init(_ words: [String], name: String? = nil, directory: String) {
        precondition(!words.isEmpty, "a program has a name")
        (self.words, self.name, self.directory) = (words, name ?? words[0], directory)
    }

    private static let keptWords = 1_000

    /// Whether a program of this name is there to be run.
    package static func isInstalled(_ name: String) -> Bool { ChildProgram.find(name) != nil }

    /// Waits until the program has ended with exit code 0; what it writes to stdout is not kept.
    ///
    /// - Parameter isCancelled: asked while it runs; then it is ended.
    /// - Throws: `missing` where there is no such program; `unreadable` where it failed, `cancelled` where it was ended
    ///   before it had: by us, for it took too long or somebody wished to stop, or by a signal. With the end of what it
    ///   wrote to stderr, and without secrets.
    package func run(input: [UInt8], isCancelled: () -> Bool = { false }) throws(ExtractError) {
        guard let path = ChildProgram.find(words[0], in: directory) else {
            throw failure(.missing, "is not there, or not in the PATH; install it, or say where it is")
        }
        // A file, not a pipe: whoever reads nothing of it does not make us wait.
        let descriptor = namelessFile()
        guard descriptor >= 0 else {
            throw failure(.unreadable, SystemFailure("make a temporary file").description)
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: Data(input))
            try file.seek(toOffset: 0)
        } catch {
            throw failure(.unreadable, "cannot be handed anything: \(error.localizedDescription)")
        }
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let program: ChildProgram
        do {
            program = try ChildProgram(
                path, words, input: descriptor, environment: variables.map { "\($0)=\($1)" },
                directory: directory)
        } catch {
            throw failure(.unreadable, error.message)
        }
        try wait(for: program, isCancelled)
    }

    private func wait(for program: ChildProgram, _ isCancelled: () -> Bool) throws(ExtractError) {
        let until = Date(timeIntervalSinceNow: timeoutSeconds)
        var ignored = [UInt8](repeating: 0, count: 64 << 10)
        var isAtEnd = false
        // Its end counts, not that of its output: what it leaves running may hold that open.
        while program.endingSoFar() == nil, Date() < until, !isCancelled() {
            if isAtEnd {
                usleep(2_000)
            } else if ChildProgram.isReady(program.output) {
                let count = ignored.withUnsafeMutableBytes { read(program.output, $0.baseAddress!, $0.count) }
                isAtEnd = count == 0
            }
        }
        let isLate = program.endingSoFar() == nil
        let ending = program.end(patienceSeconds: 0)
        if isLate {
            let said = ending.errors.isEmpty ? "" : ": \(ending.errors)"
            let why =
                isCancelled()
                ? "was interrupted" : "had not ended after \(timeoutSeconds.formatted()) s (timeout)"
            throw failure(.cancelled, "\(why), and was ended\(said)")
        }
        guard ending.code == 0 else {
            throw failure(ending.code < 128 ? .unreadable : .cancelled, ending.description)
        }
    }

    private func failure(_ kind: ExtractError.Kind, _ message: String) -> ExtractError {
        let hidden = secrets.hidden(message)
        let end = hidden.suffix(ProgramCall.keptWords)
        return ExtractError(
            kind: kind, object: name, message: end.count < hidden.count ? "… \(end)" : hidden)
    }
}
