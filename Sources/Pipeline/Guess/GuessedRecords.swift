import Events
import Extract

/// Records whose form is not known yet: JSON, lines of JSON, or CSV.
struct GuessedRecords {
    let format: HTTPFormat
    /// Of JSON: where the array stands.
    let dataPath: [String]
    /// The first of them, as trees.
    let items: [JSONValue]
    /// How many there are.
    let count: Int
    let last: JSONValue?
    /// Of JSON: what surrounds the array.
    let root: JSONValue?

    private static let most = 200

    /// Nil where they are none of these.
    init?(_ bytes: [UInt8]) {
        if let root = try? JSONDocument(bytes, isLenient: false).root, root.isContainer {
            guard let found = GuessedRecords.array(in: root) else { return nil }
            (format, dataPath, self.root) = (.json, found.path, root)
            items = Array(found.elements.prefix(GuessedRecords.most))
            (count, last) = (found.elements.count, found.elements.last)
            return
        }
        let lines = bytes.split(separator: 0x0A).filter { $0.contains { $0 > 0x20 } }
        let trees = lines.prefix(GuessedRecords.most).compactMap {
            try? JSONDocument(Array($0), isLenient: false).root
        }
        if let first = trees.first, case .object = first.content,
            trees.count * 2 > min(lines.count, GuessedRecords.most)
        {
            (format, dataPath, root, items, count) = (.ndjson, [], nil, trees, lines.count)
            last = lines.last.flatMap { try? JSONDocument(Array($0), isLenient: false).root }
            return
        }
        guard let table = GuessedRecords.table(bytes) else { return nil }
        (format, dataPath, root) = (.csv, [], nil)
        (items, count, last) = (Array(table.prefix(GuessedRecords.most)), table.count, table.last)
    }

    /// The array of objects with the most elements; of two, the one that is nearer.
    static func array(in root: JSONValue) -> (path: [String], elements: [JSONValue])? {
        var best: (path: [String], elements: [JSONValue])?
        func look(_ value: JSONValue, _ path: [String]) {
            switch value.content {
            case .array(let elements):
                let isOfObjects = elements.allSatisfy { if case .object = $0.content { true } else { false } }
                if isOfObjects, best == nil || elements.count > best!.elements.count {
                    best = (path, elements)
                }
            case .object(let members) where path.count < 4:
                for member in members { look(member.value, path + [member.name]) }
            default: break
            }
        }
        look(root, [])
        return best
    }

    private static func table(_ bytes: [UInt8]) -> [JSONValue]? {
        bytes.withUnsafeBufferPointer { buffer -> [JSONValue]? in
            guard let base = buffer.baseAddress else { return nil }
            var scanner = CSVScanner()
            var header: [String]?
            var rows: [JSONValue] = []
            var place = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
            while place < bytes.count,
                case .record(let end, let next, _) = scanner.scan(
                    base, from: place, to: bytes.count, isLast: true)
            {
                let texts = scanner.texts(base)
                if let header {
                    guard texts.count == header.count || end == place else { return nil }
                    rows.append(
                        JSONValue(
                            .object(
                                zip(header, texts).filter { !$1.isEmpty }.map {
                                    JSONValue.Member(name: $0, value: JSONValue(.string($1)))
                                })))
                } else {
                    guard texts.count > 1, !texts.contains("") else { return nil }
                    header = texts
                }
                place = next
            }
            return header == nil ? nil : rows
        }
    }
}

extension JSONValue {
    fileprivate var isContainer: Bool {
        switch content {
        case .object, .array: true
        default: false
        }
    }

    /// Every scalar below an object, by its path, not inside arrays.
    func scalars(_ path: [String] = []) -> [(path: [String], text: String)] {
        switch content {
        case .object(let members) where path.count < 4: members.flatMap { $0.value.scalars(path + [$0.name]) }
        default: text.map { [(path, $0)] } ?? []
        }
    }
}
