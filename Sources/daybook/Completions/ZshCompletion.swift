import Foundation

/// A function for zsh's completion system (zshcompsys).
enum ZshCompletion {
    static func script(_ verbs: [CompletedVerb]) -> String {
        let described = verbs.map { "        \(quoted("\($0.name):\(escaped($0.summary))"))" }
        let cases = verbs.map { verb in
            let specs = verb.options.map { spec($0) } + [quoted("*:operand:\(action(verb.operands))")]
            return """
                    \(verb.name))
                        _arguments \\
                            \(specs.joined(separator: " \\\n                "))
                        ;;
                """
        }
        return """
            #compdef daybook
            # Completions of daybook for zsh.
            # Load them with: source <(daybook completions zsh), or as a file _daybook in a folder of $fpath

            _daybook_pipelines() {
                local directory=${opt_args[--project]:-.}
                local -a names
                names=("$directory"/pipelines/*.jsonc(N:t:r))
                names=(${names:#project})
                compadd -a names
            }

            _daybook() {
                local -A opt_args
                local -a verbs
                verbs=(
            \(described.joined(separator: "\n"))
                )
                if ((CURRENT == 2)); then
                    _describe verb verbs
                    return
                fi
                shift words
                ((CURRENT--))
                case $words[1] in
            \(cases.joined(separator: "\n"))
                esac
            }

            compdef _daybook daybook
            """
    }

    private static func spec(_ option: CompletedOption) -> String {
        let help = escaped(option.help)
        guard let value = option.value else { return quoted("\(option.name)[\(help)]") }
        return quoted("\(option.name)=[\(help)]:value:\(action(value))")
    }

    private static func action(_ words: CompletionWords) -> String {
        switch words {
        case .files: "_files"
        case .directories: "_files -/"
        case .pipelines: "_daybook_pipelines"
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .anything: " "
        }
    }

    /// What `_arguments` and `_describe` would take for their own.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if "[]:\\".contains(character) { result.append("\\") }
            result.append(character)
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
