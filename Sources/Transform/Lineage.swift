/// What is made of what, from the sources to the columns of report tables: nodes in the order in which data flows, and
/// edges between them. Made of the models' headers, and of what a database tells where there is one.
package struct Lineage: Sendable {
    package enum Kind: String, Sendable, Encodable {
        /// Of a pipeline: where events come from.
        case source
        /// `raw.events`, which all sources fill.
        case events
        case view
        /// What Daybook itself keeps: definitions, the ledger.
        case catalogue
        /// What others fill.
        case table
        case model
        /// Every version of a model's rows.
        case history
    }

    package struct Node: Sendable {
        /// Unique: `report.fact_sla`, or of a source `orders.checkout`.
        package let name: String
        package let kind: Kind
        package let description: String
        /// In order; empty where no database tells.
        package let columns: [Column]
        /// Nil where it is no model.
        package let model: Model?

        /// The name without schema or pipeline.
        package var shortName: String {
            name.firstIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name
        }
    }

    package struct Column: Sendable, Equatable, Encodable {
        package let name: String
        /// As the server writes it.
        package let type: String
        /// Its comment.
        package let description: String
    }

    /// That one node is made of another.
    package struct Edge: Sendable, Equatable, Encodable {
        package let from: String
        package let to: String
        /// Of `from`, those that are read by name, in its order; empty where that is not known, and where none is, as
        /// in count(*) and in whole rows.
        package let columns: [String]
    }

    /// A source of a pipeline.
    package struct Source: Sendable {
        let name: String
        let description: String

        /// - Parameter description: what kind it is, and where.
        package init(pipeline: String, name: String, description: String) {
            self.name = "\(pipeline).\(name)"
            self.description = description
        }
    }

    package static let events = "raw.events"

    /// In the order in which data flows.
    package private(set) var nodes: [Node] = []
    /// In the order of the nodes that they lead to.
    package private(set) var edges: [Edge] = []

    /// - Parameter known: what a database tells; nil: nothing.
    package init(sources: [Source], models: [Model], known: KnownRelations? = nil) {
        var names = [Lineage.events]
        var reads: [String: [Edge]] = [:]
        func add(_ from: String, _ to: String, _ columns: [String] = []) {
            for name in [from, to] where !names.contains(name) { names.append(name) }
            // A table that a view of its own leads back to is no way for data.
            guard from != to else { return }
            reads[to, default: []].append(Edge(from: from, to: to, columns: columns))
        }
        for model in models {
            let columns = known?.reads[model.name] ?? [:]
            let declared = model.from.map(\.relation)
            // The header may leave out what is neither ours nor raw.
            let others = columns.keys.filter { !declared.contains($0) }.sorted()
            for relation in declared + others { add(relation, model.name, columns[relation] ?? []) }
            if let history = model.history { add(model.name, history) }
        }
        for (view, columns) in (known?.reads ?? [:]).sorted(by: { $0.key < $1.key })
        where !models.contains(where: { $0.name == view }) {
            for relation in columns.keys.sorted() { add(relation, view, columns[relation] ?? []) }
        }
        // Without a word from a database: whatever else is in raw shows the events.
        for name in names where name.hasPrefix("raw.") && name != Lineage.events && reads[name] == nil {
            add(Lineage.events, name)
        }
        let relations = names.map { Lineage.relation($0, models, known) }
        var origins: [Node] = []
        for source in sources {
            var name = source.name
            // A pipeline may have the name of a schema.
            while (names + origins.map(\.name)).contains(name) { name += " (source)" }
            origins.append(
                Node(
                    name: name, kind: .source, description: source.description, columns: [], model: nil))
            reads[Lineage.events, default: []].append(Edge(from: name, to: Lineage.events, columns: []))
        }
        nodes = Lineage.ordered(origins + relations, reads)
        edges = nodes.flatMap { reads[$0.name] ?? [] }
    }

    private init(nodes: [Node], edges: [Edge]) {
        self.nodes = nodes
        self.edges = edges
    }

    private static func relation(_ name: String, _ models: [Model], _ known: KnownRelations?) -> Node {
        let relation = known?.relations[name]
        let model = models.first { $0.name == name }
        let kind: Kind =
            if model != nil {
                .model
            } else if models.contains(where: { $0.history == name }) {
                .history
            } else if name == events {
                .events
            } else if name.hasPrefix("daybook.") {
                .catalogue
            } else if relation?.isView ?? name.hasPrefix("raw.") {
                .view
            } else {
                .table
            }
        let header = model?.description ?? ""
        return Node(
            name: name, kind: kind, description: header.isEmpty ? relation?.description ?? "" : header,
            columns: relation?.columns ?? [], model: model)
    }

    /// Each node after those that it reads, and otherwise as given; nodes that read each other in a circle, as views
    /// of others may let them, come as given.
    private static func ordered(_ nodes: [Node], _ reads: [String: [Edge]]) -> [Node] {
        var (ordered, waiting): ([Node], [Node]) = ([], nodes)
        while !waiting.isEmpty {
            let names = Set(waiting.map(\.name))
            func isReady(_ node: Node) -> Bool {
                reads[node.name]?.allSatisfy { !names.contains($0.from) } ?? true
            }
            let ready = waiting.contains(where: isReady) ? waiting.filter(isReady) : [waiting[0]]
            ordered += ready
            waiting.removeAll { node in ready.contains { $0.name == node.name } }
        }
        return ordered
    }

    // MARK: - Reading it

    package func node(_ name: String) -> Node? { nodes.first { $0.name == name } }

    /// The edges from what a node is made of.
    package func reads(of name: String) -> [Edge] { edges.filter { $0.to == name } }

    /// The edges to what is made of a node.
    package func readers(of name: String) -> [Edge] { edges.filter { $0.from == name } }

    /// A node, all that it is made of, and all that is made of it, near and far.
    package func around(_ name: String) -> Lineage {
        let near = reach(name) { reads(of: $0).map(\.from) }
            .union(reach(name) { readers(of: $0).map(\.to) })
        return Lineage(
            nodes: nodes.filter { near.contains($0.name) },
            edges: edges.filter { near.contains($0.from) && near.contains($0.to) })
    }

    private func reach(_ name: String, _ next: (String) -> [String]) -> Set<String> {
        var reached: Set<String> = [name]
        var waiting = [name]
        while let name = waiting.popLast() {
            for other in next(name) where reached.insert(other).inserted { waiting.append(other) }
        }
        return reached
    }
}

extension Lineage.Node: Encodable {
    private enum CodingKeys: String, CodingKey { case name, kind, description, key, columns }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(kind, forKey: .kind)
        try values.encode(description, forKey: .description)
        try values.encodeIfPresent(model?.key, forKey: .key)
        try values.encode(columns, forKey: .columns)
    }
}
