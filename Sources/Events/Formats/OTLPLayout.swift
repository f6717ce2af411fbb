/// Where the parts of one object of OTLP/JSON stand: `resourceLogs` hold a resource and `scopeLogs`, and these a scope and
/// `logRecords`. The members come in any order, so nothing can be written before all have been seen.
struct OTLPLayout {
    /// A resource, and how many of `scopes` are of it and those before.
    struct Resource {
        var value: Int?
        var schemaURL: JSONScanner.Token?
        var scopesEnd = 0
    }

    /// A scope, and how many of `records` are of it and those before.
    struct Scope {
        var value: Int?
        var schemaURL: JSONScanner.Token?
        var recordsEnd = 0
    }

    private(set) var resources: [Resource] = []
    private(set) var scopes: [Scope] = []
    private(set) var records: [Range<Int>] = []
    private(set) var isObject = false
    private(set) var hasResourceLogs = false
    /// The first value that is not of the kind that the format has there.
    private(set) var misfit: MalformedLine?

    /// Scans a whole text, and finds all that is malformed in it.
    mutating func read(_ scanner: inout JSONScanner) throws(JSONError) {
        resources.removeAll(keepingCapacity: true)
        scopes.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        (hasResourceLogs, misfit) = (false, nil)
        isObject = try scanner.next() == UInt8(ascii: "{")
        if isObject {
            try scanner.scanMembers { (scanner, key) throws(JSONError) in
                if scanner.isKey(key, "resourceLogs") {
                    hasResourceLogs = true
                    guard try isArray("resourceLogs", &scanner) else { return }
                    try scanner.scanElements { (scanner) throws(JSONError) in try readResource(&scanner) }
                } else {
                    _ = try scanner.scanValue()
                }
            }
        } else {
            _ = try scanner.scanValue()
        }
        try scanner.expectEnd()
    }

    private mutating func readResource(_ scanner: inout JSONScanner) throws(JSONError) {
        var resource = Resource()
        guard try isObject("an element of resourceLogs", &scanner) else { return }
        try scanner.scanMembers { (scanner, key) throws(JSONError) in
            if scanner.isKey(key, "resource") {
                resource.value = try passObject("a resource", &scanner)
            } else if scanner.isKey(key, "scopeLogs") {
                guard try isArray("scopeLogs", &scanner) else { return }
                try scanner.scanElements { (scanner) throws(JSONError) in try readScope(&scanner) }
            } else if scanner.isKey(key, "schemaUrl") {
                resource.schemaURL = try scanner.scanValue()
            } else {
                _ = try scanner.scanValue()
            }
        }
        resource.scopesEnd = scopes.count
        resources.append(resource)
    }

    private mutating func readScope(_ scanner: inout JSONScanner) throws(JSONError) {
        var scope = Scope()
        guard try isObject("an element of scopeLogs", &scanner) else { return }
        try scanner.scanMembers { (scanner, key) throws(JSONError) in
            if scanner.isKey(key, "scope") {
                scope.value = try passObject("a scope", &scanner)
            } else if scanner.isKey(key, "logRecords") {
                guard try isArray("logRecords", &scanner) else { return }
                try scanner.scanElements { (scanner) throws(JSONError) in
                    _ = try scanner.next()
                    let start = scanner.position
                    _ = try scanner.scanValue()
                    records.append(start..<scanner.position)
                }
            } else if scanner.isKey(key, "schemaUrl") {
                scope.schemaURL = try scanner.scanValue()
            } else {
                _ = try scanner.scanValue()
            }
        }
        scope.recordsEnd = records.count
        scopes.append(scope)
    }

    // MARK: - Kinds

    /// Whether an array begins here; passes what is none. Null is an array without elements, as in all JSON of Protocol
    /// Buffers.
    private mutating func isArray(_ name: String, _ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        if try scanner.next() == UInt8(ascii: "[") { return true }
        try pass("\(name) is not an array", &scanner)
        return false
    }

    /// Passes an object and returns its place; passes what is none.
    private mutating func passObject(_ name: String, _ scanner: inout JSONScanner) throws(JSONError) -> Int? {
        guard try isObject(name, &scanner) else { return nil }
        let start = scanner.position
        _ = try scanner.scanValue()
        return start
    }

    /// Whether an object begins here; passes what is none.
    private mutating func isObject(_ name: String, _ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        if try scanner.next() == UInt8(ascii: "{") { return true }
        try pass("\(name) is not an object", &scanner)
        return false
    }

    private mutating func pass(_ problem: String, _ scanner: inout JSONScanner) throws(JSONError) {
        let start = scanner.position
        let value = try scanner.scanValue()
        if misfit == nil, !scanner.isNull(value) { misfit = MalformedLine(offset: start, problem: problem) }
    }
}
