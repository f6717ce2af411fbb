import Foundation
import Generate

/// One run of the generator, taken apart again by another reader than the writer's own code.
struct GeneratedOutput {
    let bytes: [UInt8]
    let summary: GeneratedSummary
    /// Without their newlines.
    let lines: [ArraySlice<UInt8>]

    init(_ options: GeneratorOptions, service: GeneratedService? = nil) {
        var bytes: [UInt8] = []
        summary = Generator(options).write({ bytes.append(contentsOf: $0) }, service: service)
        self.bytes = bytes
        lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    }

    /// The objects of the lines that are JSON, in order.
    var objects: [[String: Any]] { lines.compactMap(GeneratedOutput.object) }

    /// Distinct events by id, in the order of their first line, read from the lines.
    func events() throws -> [GeneratedEvent] {
        var seen: Set<String> = []
        return try objects.compactMap { object in
            let event = try GeneratedOutput.event(object)
            return seen.insert(event.id).inserted ? event : nil
        }
    }

    static func object(_ line: ArraySlice<UInt8>) -> [String: Any]? {
        try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
    }

    struct MissingField: Error {
        let name: String
    }

    static func text(_ name: String, of object: [String: Any]) throws -> String {
        guard let value = object[name] as? String else { throw MissingField(name: name) }
        return value
    }

    /// The sequence of a line without one is 0.
    static func event(_ object: [String: Any]) throws -> GeneratedEvent {
        guard let service = GeneratedService(rawValue: try text("service", of: object)) else {
            throw MissingField(name: "service")
        }
        return GeneratedEvent(
            id: try text("id", of: object),
            occurredAtMilliseconds: try milliseconds(text("time", of: object)),
            type: try text("type", of: object), service: service, orderID: try text("order_id", of: object),
            sequence: object["seq"] as? Int ?? 0)
    }

    static func milliseconds(_ time: String) throws -> Int64 {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return Int64((try Date(time, strategy: style).timeIntervalSince1970 * 1_000).rounded())
    }

    /// FNV-1a, 64 bits (Fowler, Noll, Vo): a hash that is the same in every process.
    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
