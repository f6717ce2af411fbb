/// A place in a record, and what the rules say of the members below it. Made when a record first has it; belongs to one
/// thread at a time.
///
/// A redaction meets its field however the names on the way are joined by dots: `user.email` is `email` in `user`, and
/// the member `user.email`, for many writers flatten what others nest.
final class RewritingNode {
    /// The names on the way, for a person.
    let name: String
    /// Whether a string here holds JSON.
    let isOpened: Bool
    let action: Redaction.Action?
    /// Whether something in it must not be stored.
    let isRedactedBelow: Bool
    /// Whether that is so by the names as the definition divides them.
    let isRedactedBelowAsWritten: Bool
    private let rules: [Rule]
    private let numbersDoubledNames: Bool
    private var edges: [String: Edge] = [:]
    private var elements: [Int: RewritingNode] = [:]

    /// What is left of a rule.
    private struct Rule: Equatable {
        /// The member names as the definition divides them; nil once the record's were divided in another way.
        var steps: ArraySlice<String>?
        /// These, divided at each dot.
        var parts: ArraySlice<String> = []
        /// Nil: the field is opened, by its names as they are written.
        var action: Redaction.Action?

        var isMet: Bool { parts.isEmpty && (steps?.isEmpty ?? true) }
    }

    private final class Edge {
        var rules: [Rule] = []
        var node: RewritingNode?
    }

    convenience init(_ mapping: SourceMapping) {
        let opened = mapping.opened.map { Rule(steps: $0.steps[...]) }
        let redacted = mapping.redactions.map {
            Rule(steps: $0.path.steps[...], parts: $0.path.parts[...], action: $0.action)
        }
        self.init(opened + redacted, name: "", numbersDoubledNames: mapping.numbersDoubledNames)
    }

    private init(_ rules: [Rule], name: String, numbersDoubledNames: Bool = false) {
        self.name = name
        self.rules = rules
        self.numbersDoubledNames = numbersDoubledNames
        let met = rules.filter(\.isMet)
        let redactions = met.filter { $0.action != nil }
        isOpened = met.contains { $0.action == nil }
        // What is written so counts before what is only met so, and then the stricter.
        action =
            redactions.last { $0.steps != nil }?.action
            ?? redactions.first { $0.action == .drop }?.action ?? redactions.last?.action
        let open = rules.filter { !$0.isMet }
        isRedactedBelow = open.contains { $0.action != nil }
        isRedactedBelowAsWritten = open.contains { $0.action != nil && $0.steps != nil }
        for rule in open { add(rule) }
    }

    private func add(_ rule: Rule) {
        func lead(over name: String, _ rest: Rule) {
            let edge = edges[name] ?? Edge()
            edge.rules.append(rest)
            edges[name] = edge
        }
        guard rule.action != nil else {
            if let step = rule.steps?.first { lead(over: step, Rule(steps: rule.steps?.dropFirst())) }
            return
        }
        for count in 1...rule.parts.count {
            let name = rule.parts.prefix(count).joined(separator: ".")
            var rest = rule
            rest.parts = rule.parts.dropFirst(count)
            rest.steps = rule.steps?.first == name ? rule.steps?.dropFirst() : nil
            lead(over: name, rest)
        }
    }

    /// Whether there is a rule of anything below it.
    var leadsOn: Bool { !edges.isEmpty }

    /// The place that an element of an array has: what is said of all of them, and of its index.
    func element(_ index: Int) -> RewritingNode {
        guard let edge = edges[String(index)] else { return self }
        if let node = elements[index] { return node }
        // In arrays of arrays they would become more and more.
        let more = edge.rules.filter { !rules.contains($0) }
        let node = RewritingNode(rules + more, name: "\(name).\(index)")
        elements[index] = node
        return node
    }

    private func edgeOfDoubled(_ name: String) -> Edge? {
        guard numbersDoubledNames, let end = name.lastIndex(of: "_"),
            name[end...].dropFirst().allSatisfy({ $0.isASCII && $0.isNumber })
        else { return nil }
        return edges[String(name[..<end])]
    }

    /// The place that a member has; nil where there is no rule of it.
    func child(_ name: String) -> RewritingNode? {
        guard let edge = edges[name] ?? edgeOfDoubled(name) else { return nil }
        if let node = edge.node { return node }
        let node = RewritingNode(edge.rules, name: self.name.isEmpty ? name : "\(self.name).\(name)")
        edge.node = node
        return node
    }
}
