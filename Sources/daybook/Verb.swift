/// One verb of the command: what it takes, what it says about itself, and what it does.
protocol Verb {
    static var name: String { get }
    /// One line for the list of verbs.
    static var summary: String { get }
    /// What stands behind the verb: `[PIPELINE…]`.
    static var operands: String { get }
    static var maxOperands: Int { get }
    static var options: [Option] { get }
    /// The rest of the help: what a person should know, and examples.
    static var discussion: String { get }

    static func run(_ arguments: Arguments) throws -> ExitCode
}

extension Verb {
    static var operands: String { "" }
    static var maxOperands: Int { operands.isEmpty ? 0 : operands.hasSuffix("…]") ? .max : 1 }

    static var help: String {
        let usage = ["daybook", name, operands, options.isEmpty ? "" : "[OPTIONS]"].filter { !$0.isEmpty }
        let all = options + [.help]
        let width = all.map { label($0).displayWidth }.max() ?? 0
        let lines = all.map { "  \(label($0).padding(to: width))  \($0.help)" }
        return """
            \(summary)

            usage: \(usage.joined(separator: " "))

            \(discussion)

            options:
            \(lines.joined(separator: "\n"))
            """
    }

    private static func label(_ option: Option) -> String {
        option.value.map { "\(option.name) \($0)" } ?? option.name
    }
}
