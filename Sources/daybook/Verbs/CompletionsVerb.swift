import Pipeline

/// `daybook completions`: what a shell needs to complete command lines.
enum CompletionsVerb: Verb {
    static let name = "completions"
    static let summary = "prints what a shell needs to complete daybook's verbs, options and pipelines"
    static let operands = "bash|zsh|fish"
    static let options: [Option] = []
    static let discussion = """
        For good, write it where the shell looks:

          daybook completions bash > ~/.local/share/bash-completion/completions/daybook
          daybook completions zsh > ~/.zfunc/_daybook       # a folder of $fpath
          daybook completions fish > ~/.config/fish/completions/daybook.fish
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let shells = Shell.allCases.map(\.rawValue)
        guard let word = arguments.positionals.first else {
            throw UsageError("say which shell: \(shells.joined(separator: ", "))")
        }
        guard let shell = Shell(rawValue: word) else {
            throw UsageError(
                "there are no completions for \"\(word)\"\(Spelling.suggestion(word, in: shells))")
        }
        Terminal.out(shell.script(Daybook.verbs.map { CompletedVerb($0) }))
        return .done
    }
}
