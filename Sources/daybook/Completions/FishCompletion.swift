import Foundation

/// Calls of fish's `complete`.
enum FishCompletion {
    static func script(_ verbs: [CompletedVerb]) -> String {
        var lines = [
            "# Completions of daybook for fish.",
            "# Load them with: daybook completions fish | source",
            "",
            "function __daybook_pipelines",
            "    set -l directory .",
            "    set -l words (commandline -opc)",
            "    if set -l place (contains -i -- --project $words)",
            "        set directory $words[(math $place + 1)]",
            "    end",
            "    for file in $directory/pipelines/*.jsonc",
            "        set -l name (string replace -r '.*/(.*)\\.jsonc$' '$1' -- $file)",
            "        test \"$name\" = project; or printf '%s\\n' $name",
            "    end",
            "end",
            "",
            "complete -c daybook -f",
            "complete -c daybook -n __fish_use_subcommand -l help -d \(quoted("what there is"))",
            "complete -c daybook -n __fish_use_subcommand -l version -d \(quoted("which one it is"))",
        ]
        for verb in verbs {
            lines.append(
                "complete -c daybook -n __fish_use_subcommand -a \(verb.name) -d \(quoted(verb.summary))")
            let isSeen = "-n '__fish_seen_subcommand_from \(verb.name)'"
            for option in verb.options {
                let value = option.value.map { " -r\(words($0))" } ?? ""
                lines.append(
                    "complete -c daybook \(isSeen) -l \(option.name.dropFirst(2))\(value) -d \(quoted(option.help))"
                )
            }
            let operands = words(verb.operands)
            if !operands.isEmpty { lines.append("complete -c daybook \(isSeen)\(operands)") }
        }
        return lines.joined(separator: "\n")
    }

    private static func words(_ words: CompletionWords) -> String {
        switch words {
        case .files: " -F"
        case .directories: " -a '(__fish_complete_directories)'"
        case .pipelines: " -a '(__daybook_pipelines)'"
        case .words(let words): " -a \(quoted(words.joined(separator: " ")))"
        case .anything: ""
        }
    }

    private static func quoted(_ text: String) -> String {
        "'"
            + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
            + "'"
    }
}
