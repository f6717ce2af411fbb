/// A function for bash's `complete` (section 8.7 of its manual).
enum BashCompletion {
    static func script(_ verbs: [CompletedVerb]) -> String {
        let values = verbs.flatMap { verb in
            verb.options.compactMap { option in
                option.value.map { "        '\(verb.name) \(option.name)') \(reply($0)); return ;;" }
            }
        }
        let options = verbs.map { verb in
            "        \(verb.name)) options='\(verb.options.map(\.name).joined(separator: " "))' ;;"
        }
        let operands = verbs.map { "        \($0.name)) \(reply($0.operands)) ;;" }
        return """
            # Completions of daybook for bash.
            # Load them with: source <(daybook completions bash)

            # Names of files may hold anything: they are not given to compgen -W, which would expand them.
            _daybook_pipelines() {
                local directory=. index file name quoted
                for ((index = 2; index < COMP_CWORD; index++)); do
                    [[ ${COMP_WORDS[index]} == --project ]] && directory=${COMP_WORDS[index + 1]}
                done
                for file in "$directory"/pipelines/*.jsonc; do
                    name=${file##*/}
                    name=${name%.jsonc}
                    [[ -e $file && $name != project ]] || continue
                    printf -v quoted %q "$name"
                    [[ $quoted == "$current"* || $name == "$current"* ]] && COMPREPLY+=("$quoted")
                done
            }

            _daybook() {
                local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} options=
                COMPREPLY=()
                if ((COMP_CWORD == 1)); then
                    COMPREPLY=($(compgen -W '\(verbs.map(\.name).joined(separator: " ")) --help --version' -- "$current"))
                    return
                fi
                case "$verb $before" in
            \(values.joined(separator: "\n"))
                esac
                case $verb in
            \(options.joined(separator: "\n"))
                esac
                if [[ $current == -* ]]; then
                    COMPREPLY=($(compgen -W "$options" -- "$current"))
                    return
                fi
                case $verb in
            \(operands.joined(separator: "\n"))
                esac
            }

            complete -F _daybook daybook
            """
    }

    private static func reply(_ words: CompletionWords) -> String {
        switch words {
        case .files: "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"
        case .directories: "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")"
        case .pipelines: "_daybook_pipelines"
        case .words(let words):
            "COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$current\"))"
        case .anything: ":"
        }
    }
}
