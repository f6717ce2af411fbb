import Foundation

/// What a program writes, or what comes by standard input: read once, forwards.
final class CommandOutput: ByteSource, @unchecked Sendable {
    let name: String
    private let source: CommandSource
    private let program: ChildProgram?
    private let isCancelled: @Sendable () -> Bool
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var position: Int64 = 0
    private var isAtEnd = false
    private var problem: String?
    private var said = ""

    /// Starts the program.
    ///
    /// - Parameter cursor: where the call before ended.
    /// - Throws: `missing` where there is no such program.
    init(
        _ source: CommandSource, cursor: String?, isCancelled: @escaping @Sendable () -> Bool
    ) throws(ExtractError) {
        name = source.name
        self.source = source
        self.isCancelled = isCancelled
        var arguments: [String]
        switch source.program {
        case .standardInput:
            guard isatty(STDIN_FILENO) == 0 else {
                throw ExtractError(
                    kind: .missing, object: source.name,
                    message: "standard input is a terminal; pipe something into it: program | daybook load …")
            }
            program = nil
            return
        case .arguments(let words):
            arguments = words.map {
                $0.replacingOccurrences(of: CommandSource.cursorWord, with: cursor ?? "")
            }
        case .shell(let line): arguments = ["sh", "-c", line]
        }
        guard let path = ChildProgram.find(arguments[0], in: source.directory) else {
            throw ExtractError(
                kind: .missing, object: source.name,
                message:
                    "the program \(arguments[0]) is not there, or not in the PATH; install it, or say where it is"
            )
        }
        var variables = ProcessInfo.processInfo.environment
        variables["cursor"] = cursor ?? ""
        variables.merge(source.environment) { $1 }
        do {
            program = try ChildProgram(
                path, arguments, input: -1, environment: variables.map { "\($0)=\($1)" },
                directory: source.directory)
        } catch {
            throw ExtractError(kind: error.kind, object: source.name, message: error.message)
        }
    }

    var size: Int64? { nil }
    /// How the program ended, where not with exit code 0.
    var damage: String? { lock.withLock { problem } }
    /// What a program that ended well wrote to stderr, in short.
    var remarks: String { lock.withLock { said } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at start: Int64) throws(ExtractError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        precondition(start == position, "what a program wrote can be read once")
        var total = 0
        // What is there is enough: a program may take its time for the rest.
        while total < buffer.count, !isAtEnd,
            total == 0 || ChildProgram.isReady(program?.output ?? STDIN_FILENO)
        {
            let count = try next(UnsafeMutableRawBufferPointer(rebasing: buffer[total...]))
            if count == 0, !isAtEnd { finish() }
            total += count
            position += Int64(count)
        }
        return total
    }

    /// The next bytes; none at the end, and where the program is late: then what it wrote before is loaded.
    private func next(_ buffer: UnsafeMutableRawBufferPointer) throws(ExtractError) -> Int {
        let until = Date().addingTimeInterval(source.timeoutSeconds)
        var isLate = false
        do {
            let isCancelled = self.isCancelled
            return try ChildProgram.read(program?.output ?? STDIN_FILENO, into: buffer) {
                isLate = Date() > until
                return isLate || isCancelled()
            }
        } catch {
            guard error.kind == .cancelled, isLate, !self.isCancelled() else {
                throw ExtractError(kind: error.kind, object: name, message: error.message)
            }
            isAtEnd = true
            problem =
                "has written nothing for \(Int(source.timeoutSeconds)) s (timeout)"
                + (program == nil ? "" : ", and was ended")
            return 0
        }
    }

    private func finish() {
        isAtEnd = true
        guard let ending = program?.end(patienceSeconds: source.timeoutSeconds) else { return }
        let words = source.secrets.hidden(ending.code == 0 ? ending.errors : ending.description)
        if ending.code == 0 { said = words } else { problem = words }
    }
}
