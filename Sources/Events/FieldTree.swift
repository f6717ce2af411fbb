#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The paths that a mapping reads, merged into one tree, so that a scan of a record visits each member once.
///
/// Each path has a slot, numbered depth first: the slots below a node are a contiguous range. Immutable; the
/// memory is raw because it is read for every member of every record.
final class FieldTree: @unchecked Sendable {
    struct Node {
        /// The slot of the path that ends here, or -1.
        var slot: Int32 = -1
        var firstEdge: Int32 = 0
        var edgeCount: Int32 = 0
        var use = Use.kept
        /// All slots at or below this node.
        var slots: Range<Int32> = 0..<0
    }

    /// What becomes of a member in the details that are left over.
    enum Use: UInt8 {
        /// It stays: no mapping names it whole.
        case kept
        /// It stays unless its value was taken.
        case fallback
        /// It is left out.
        case taken
    }

    struct Edge {
        var nameStart: Int32
        var nameCount: Int32
        var node: Int32
    }

    let nodes: UnsafeMutablePointer<Node>
    private let edges: UnsafeMutablePointer<Edge>
    private let names: UnsafeMutablePointer<UInt8>
    private var slotsByPath: [[String]: Int] = [:]
    let slotCount: Int

    /// - Parameters:
    ///   - paths: what a mapping takes.
    ///   - fallbacks: those of them that it takes only where it must.
    ///   - looks: what is looked at beside that.
    init(_ paths: [FieldPath], fallbacks: Set<[String]> = [], looks: [FieldPath] = []) {
        var build = Build()
        for path in paths {
            build.insert(path.steps, fallbacks.contains(path.steps) ? .fallback : .taken)
        }
        for path in looks { build.insert(path.steps, .kept) }
        build.flatten()
        nodes = .allocate(capacity: build.nodes.count)
        nodes.initialize(from: build.nodes, count: build.nodes.count)
        edges = .allocate(capacity: max(build.edges.count, 1))
        edges.initialize(from: build.edges, count: build.edges.count)
        names = .allocate(capacity: max(build.names.count, 1))
        names.initialize(from: build.names, count: build.names.count)
        slotsByPath = build.slotsByPath
        slotCount = build.slotsByPath.count
    }

    deinit {
        nodes.deallocate()
        edges.deallocate()
        names.deallocate()
    }

    func slot(of path: FieldPath) -> Int { slotsByPath[path.steps]! }

    /// The child of `node` with this name, or -1.
    @inline(__always)
    func child(of node: Int32, name: UnsafePointer<UInt8>, count: Int) -> Int32 {
        let parent = nodes[Int(node)]
        var edge = Int(parent.firstEdge)
        let last = edge + Int(parent.edgeCount)
        while edge < last {
            if Int(edges[edge].nameCount) == count {
                let candidate = names + Int(edges[edge].nameStart)
                // The last letter tells names of one length apart more often than the first.
                if count == 0
                    || candidate[count - 1] == name[count - 1] && memcmp(candidate, name, count) == 0
                {
                    return edges[edge].node
                }
            }
            edge += 1
        }
        return -1
    }

    /// The child of `node` for an element of an array: the one whose name is the index in decimal.
    func child(of node: Int32, index: Int) -> Int32 {
        var name = String(index)
        return name.withUTF8 { child(of: node, name: $0.baseAddress!, count: $0.count) }
    }

    private struct Build {
        final class Branch {
            var children: [(name: String, branch: Branch)] = []
            var isPath = false
            var use = Use.kept
        }

        let root = Branch()
        var nodes: [Node] = []
        var edges: [Edge] = []
        var names: [UInt8] = []
        var slotsByPath: [[String]: Int] = [:]

        func insert(_ steps: [String], _ use: Use) {
            var branch = root
            for step in steps {
                if let known = branch.children.first(where: { $0.name == step }) {
                    branch = known.branch
                } else {
                    let new = Branch()
                    branch.children.append((step, new))
                    branch = new
                }
            }
            branch.isPath = true
            if use != .kept { branch.use = use }
        }

        mutating func flatten() { _ = flatten(root, steps: []) }

        private mutating func flatten(_ branch: Branch, steps: [String]) -> Int32 {
            let index = nodes.count
            nodes.append(Node(use: branch.use))
            let firstSlot = Int32(slotsByPath.count)
            if branch.isPath {
                nodes[index].slot = firstSlot
                slotsByPath[steps] = Int(firstSlot)
            }
            let children = branch.children.map { child in
                (name: child.name, node: flatten(child.branch, steps: steps + [child.name]))
            }
            nodes[index].firstEdge = Int32(edges.count)
            nodes[index].edgeCount = Int32(children.count)
            for child in children {
                let start = Int32(names.count)
                names += Array(child.name.utf8)
                edges.append(
                    Edge(nameStart: start, nameCount: Int32(names.count) - start, node: child.node))
            }
            nodes[index].slots = firstSlot..<Int32(slotsByPath.count)
            return Int32(index)
        }
    }
}
