extension Lineage {
    /// The graph as a flowchart of Mermaid (https://mermaid.js.org/syntax/flowchart.html), which GitHub, GitLab and
    /// many wikis draw.
    ///
    /// - Parameter focus: a node that stands out, with the columns on the edges to and from it.
    package func mermaid(focus: String? = nil) -> String {
        var lines = ["flowchart LR"]
        var ids: [String: String] = [:]
        for (index, node) in nodes.enumerated() {
            // A name as an id could be a word of Mermaid's.
            let id = "n\(index)"
            ids[node.name] = id
            let (open, close) = Lineage.shape(of: node.kind)
            var label = [node.name]
            if node.kind == .source { label.append(node.description) }
            if node.kind == .model { label += Lineage.wrapped(node.columns.map(\.name)) }
            lines.append("  \(id)\(open)\"\(Lineage.label(label))\"\(close)")
        }
        for edge in edges {
            guard let from = ids[edge.from], let to = ids[edge.to] else { continue }
            let isNear = focus != nil && [edge.from, edge.to].contains(focus)
            let columns = isNear ? Lineage.wrapped(edge.columns) : []
            lines.append("  \(from) -->\(columns.isEmpty ? "" : "|\"\(Lineage.label(columns))\"|") \(to)")
        }
        if let focus, let id = ids[focus] { lines.append("  style \(id) stroke-width:4px") }
        return lines.joined(separator: "\n")
    }

    private static func shape(of kind: Kind) -> (open: String, close: String) {
        switch kind {
        case .source: ("[/", "/]")
        case .events, .catalogue, .table, .history: ("[(", ")]")
        case .view: ("([", "])")
        case .model: ("[", "]")
        }
    }

    /// Names in lines of some forty characters.
    private static func wrapped(_ names: [String]) -> [String] {
        var lines: [String] = []
        for (index, name) in names.enumerated() {
            let word = index + 1 < names.count ? "\(name)," : name
            if let last = lines.last, last.count + word.count < 40 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    private static func label(_ lines: [String]) -> String { lines.map(escaped).joined(separator: "<br/>") }

    /// What could end a label, or be taken for HTML or Markdown in it, as Mermaid's entity codes: names come from users.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || " ._-/,()".unicodeScalars.contains(scalar)
            {
                result.unicodeScalars.append(scalar)
            } else if scalar.value < 0x20 {
                result += " "
            } else {
                result += "#\(scalar.value);"
            }
        }
        return result
    }
}
