import Events

/// A program whose output is a source, or our own standard input: the `command` or `stdin` block of a source.
package struct CommandSource: Sendable {
    package enum Program: Sendable, Equatable {
        /// Its name and arguments, in which `${cursor}` stands for the cursor.
        case arguments([String])
        /// A line for `sh`, which has the cursor in the variable of that name.
        case shell(String)
        /// What comes to us by our own standard input.
        case standardInput
    }

    /// As a person knows it: the line that is run, without secrets.
    package var name: String
    package var program: Program
    package var form: RecordForm
    /// Variables that it gets beside ours.
    package var environment: [String: String] = [:]
    /// Where it runs.
    package var directory: String
    /// What tells the next call how far this one came; nil: each call tells all.
    package var cursor: Cursor?
    /// How long it may write nothing.
    package var timeoutSeconds = 900.0
    /// What must never be seen.
    package var secrets = Secrets()

    package struct Cursor: Sendable {
        package var field: FieldPath
        /// What the first call gets.
        package var initial: String?
        /// Whether the output comes in the order of the cursor: then a call that was broken off is followed by one from
        /// where it broke.
        package var isSorted = true

        package init(_ field: FieldPath) { self.field = field }
    }

    package init(name: String, program: Program, form: RecordForm, directory: String) {
        (self.name, self.program, self.form, self.directory) = (name, program, form, directory)
    }

    /// The word in arguments that the cursor takes the place of.
    package static let cursorWord = "${cursor}"

    /// Tells one way of asking from another: a cursor of one means nothing to another.
    package var requestHash: String {
        let asked: [String] =
            switch program {
            case .arguments(let arguments): arguments
            case .shell(let line): ["sh", "-c", line]
            case .standardInput: ["stdin"]
            }
        return SHA256.hex(
            Array((asked + [cursor?.field.text ?? ""]).joined(separator: "\u{0}").utf8), prefix: 8)
    }

    /// The name of the program; nil where it is a line for a shell, or none.
    package var programName: String? {
        if case .arguments(let arguments) = program { arguments.first } else { nil }
    }

    /// Whether a program is there to be run.
    package var isInstalled: Bool {
        programName.map { ChildProgram.find($0, in: directory) != nil } ?? true
    }
}
