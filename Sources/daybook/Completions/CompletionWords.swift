/// What a shell can offer in one place of a command line.
enum CompletionWords {
    case files
    case directories
    /// The names of the project's pipelines.
    case pipelines
    case words([String])
    /// Something that only the person knows.
    case anything

    /// By what stands in the help: `FILE`, `[PIPELINE…]`, `url|start|stop`; words that are typed as they stand are in
    /// lower case.
    init(_ text: String) {
        let names = text.split { !$0.isLetter && $0 != "-" && $0 != "_" }.map(String.init)
        let typed = names.filter { $0 == $0.lowercased() && $0.contains { $0.isLetter } }
        if names.contains("PIPELINE") {
            self = typed.isEmpty ? .pipelines : .words(typed)
        } else if !typed.isEmpty {
            self = .words(typed)
        } else if names.contains("FILE") {
            self = .files
        } else if names.contains("DIR") {
            self = .directories
        } else {
            self = .anything
        }
    }
}

/// One verb, as completions need it.
struct CompletedVerb {
    let name: String
    let summary: String
    let operands: CompletionWords
    let options: [CompletedOption]

    init(_ verb: any Verb.Type) {
        name = verb.name
        summary = verb.summary
        operands = CompletionWords(verb.operands)
        options = (verb.options + [.help]).map {
            CompletedOption(name: $0.name, value: $0.value.map { CompletionWords($0) }, help: $0.help)
        }
    }
}

struct CompletedOption {
    /// With its dashes.
    let name: String
    /// Nil of a flag.
    let value: CompletionWords?
    let help: String
}

/// A shell that can complete what is typed.
enum Shell: String, CaseIterable {
    case bash, zsh, fish

    func script(_ verbs: [CompletedVerb]) -> String {
        switch self {
        case .bash: BashCompletion.script(verbs)
        case .zsh: ZshCompletion.script(verbs)
        case .fish: FishCompletion.script(verbs)
        }
    }
}
