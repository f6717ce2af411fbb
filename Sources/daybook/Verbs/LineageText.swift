import Pipeline
import Transform

/// A lineage as people read it: a tree of what flows where, and below it what each model reads and holds; of one node,
/// all that is known.
struct LineageText {
    private let lineage: Lineage
    private let focus: Lineage.Node?
    /// The project's, with a slash at the end.
    private let directory: String
    /// By node, those that stand below it in the tree: each stands once, below the one that it is farthest from the
    /// sources through.
    private var children: [String: [Lineage.Node]] = [:]
    private var roots: [Lineage.Node] = []

    private static let maxWidth = 110

    init(_ lineage: Lineage, focus: Lineage.Node?, of project: Project) {
        self.lineage = lineage
        self.focus = focus
        directory = project.directory + "/"
        var depths: [String: Int] = [:]
        for node in lineage.nodes {
            let parents = lineage.reads(of: node.name).map(\.from).filter { depths[$0] != nil }
            let deepest = parents.compactMap { depths[$0] }.max()
            depths[node.name] = deepest.map { $0 + 1 } ?? 0
            // The last of equals: what all sources fill stands below the last of them.
            if let parent = parents.last(where: { depths[$0] == deepest }) {
                children[parent, default: []].append(node)
            } else {
                roots.append(node)
            }
        }
    }

    var text: String {
        let blocks = focus.map { [$0] } ?? lineage.nodes.filter { $0.kind == .model }
        return ([tree] + blocks.map(block)).joined(separator: "\n\n")
    }

    // MARK: - The tree

    private var tree: String {
        let shown = roots.filter { $0.kind == .source || leadsSomewhere($0) }
        let width = shown.filter { $0.kind == .source }.map { label($0).displayWidth }.max() ?? 0
        var lines: [String] = []
        for root in shown {
            lines.append(
                root.kind == .source
                    ? "\(label(root).padding(to: width))  \(root.description.oneLine)" : label(root))
            lines += branches(of: root)
        }
        let others = roots.filter { root in !shown.contains { $0.name == root.name } }.flatMap(below)
        if !others.isEmpty { lines += wrapped("beside these: ", others.map(\.name)) }
        return lines.joined(separator: "\n")
    }

    /// Whether more than the catalogue, or a table of others, stands at a root or below it.
    private func leadsSomewhere(_ root: Lineage.Node) -> Bool {
        below(root).contains { ![.catalogue, .table].contains($0.kind) || $0.name == focus?.name }
    }

    /// A node and all that stands below it.
    private func below(_ node: Lineage.Node) -> [Lineage.Node] {
        [node] + (children[node.name] ?? []).flatMap(below)
    }

    private func branches(of node: Lineage.Node) -> [String] {
        let nodes = children[node.name] ?? []
        return nodes.enumerated().flatMap { index, child in
            let isLast = index == nodes.count - 1
            return ["\(isLast ? "└─" : "├─") \(label(child))"]
                + branches(of: child).map { (isLast ? "   " : "│  ") + $0 }
        }
    }

    private func label(_ node: Lineage.Node) -> String {
        node.name.oneLine + (node.name == focus?.name ? " ◀" : "")
    }

    // MARK: - One node

    private func block(_ node: Lineage.Node) -> String {
        let kind = node.kind == .model ? "" : " (\(node.kind.rawValue))"
        let title = "\(node.name.oneLine)\(kind)"
        var lines = [node.description.isEmpty ? title : "\(title): \(node.description.oneLine)"]
        if let model = node.model {
            let file = model.file.origin
            if focus != nil {
                lines.append(
                    "  file     \(file.hasPrefix(directory) ? String(file.dropFirst(directory.count)) : file)"
                )
            }
            lines += wrapped("  key      ", model.key)
            if let history = model.history { lines.append("  history  \(history.oneLine)") }
        }
        let reads = lineage.reads(of: node.name)
        for (index, edge) in reads.enumerated() {
            lines += wrapped("  \(index == 0 ? "reads  " : "       ")  ", edge.from, edge)
        }
        let readers = lineage.readers(of: node.name).filter { $0.to != node.model?.history }
        if focus == nil {
            if !readers.isEmpty { lines += wrapped("  read by  ", readers.map(\.to)) }
            if !node.columns.isEmpty { lines += wrapped("  columns  ", node.columns.map(\.name)) }
        } else {
            for (index, edge) in readers.enumerated() {
                lines += wrapped("  \(index == 0 ? "read by" : "       ")  ", edge.to, edge)
            }
            if !node.columns.isEmpty { lines.append("\n" + columns(of: node)) }
        }
        return lines.joined(separator: "\n")
    }

    private func columns(of node: Lineage.Node) -> String {
        var table = TextTable(
            ["column", "type", "what"].map { TextTable.Column(title: $0, isNumber: false) })
        for column in node.columns {
            table.add([column.name.oneLine, column.type, column.description.oneLine])
        }
        return table.text
    }

    /// `raw.events: entity, type`, after a head.
    private func wrapped(_ head: String, _ name: String, _ edge: Lineage.Edge) -> [String] {
        let all = lineage.node(edge.from)?.columns.count ?? 0
        let columns =
            edge.columns.count == all && all > 6 ? ["all \(Human.plural(all, "column"))"] : edge.columns
        return wrapped(
            head + name.oneLine + (columns.isEmpty ? "" : ": "), columns, hanging: head.count + 2)
    }

    /// Names with commas after a head, in lines that fit a terminal.
    private func wrapped(_ head: String, _ names: [String], hanging: Int? = nil) -> [String] {
        var lines = [head]
        for (index, name) in names.enumerated() {
            let word = name.oneLine + (index + 1 < names.count ? "," : "")
            let last = lines[lines.count - 1]
            if index == 0 {
                lines[0] += word
            } else if last.displayWidth + 1 + word.displayWidth <= LineageText.maxWidth {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(repeating: " ", count: hanging ?? head.count) + word)
            }
        }
        return lines
    }
}
