import Events
import Foundation
import Testing

/// What a translator made of a chunk, spelled out so that tables can tell it.
struct TranslatedChunk {
    struct Record {
        let range: Range<Int>
        /// The object, as it was written.
        let json: String?
        let code: RejectCode?
        let reason: String?
    }

    private(set) var records: [Record] = []

    /// A read behind the chunk crashes; of a long one, a tool that watches memory sees it.
    init(_ bytes: [UInt8], by translator: inout some RecordTranslator) {
        var translated = TranslatedRecords()
        // What other chunks left before must stay.
        translated.json.append("before".utf8)
        if bytes.count <= 4_096 {
            GuardedMemory().withBytes(bytes) { translator.translate($0, into: &translated) }
        } else {
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
            defer { copy.deallocate() }
            _ = copy.initialize(from: bytes)
            translator.translate(UnsafeBufferPointer(copy), into: &translated)
        }
        #expect(translated.json.string(of: TextSlice(offset: 0, count: 6)) == "before")
        for record in translated.records {
            let json = record.object.isAbsent ? nil : translated.json.string(of: record.object)
            records.append(
                Record(
                    range: record.range, json: json, code: record.problem?.code,
                    reason: record.problem?.reason)
            )
        }
    }

    init(_ line: String, by translator: inout some RecordTranslator) {
        self.init(Array(line.utf8), by: &translator)
    }

    /// The object of the only record, which is the whole chunk.
    static func object(_ line: String, by translator: inout some RecordTranslator) -> String? {
        let chunk = TranslatedChunk(line, by: &translator)
        #expect(chunk.records.map(\.range) == [0..<line.utf8.count])
        if let reason = chunk.records.first?.reason { Issue.record("\(line) was refused: \(reason)") }
        return chunk.records.first?.json
    }

    /// Why the chunk was refused.
    static func reason(_ line: String, by translator: inout some RecordTranslator) -> String? {
        let chunk = TranslatedChunk(line, by: &translator)
        #expect(chunk.records.map(\.range) == [0..<line.utf8.count])
        #expect(chunk.records.first?.code == .malformedLine)
        return chunk.records.first?.reason
    }

    /// What another reader of JSON finds in the object.
    static func members(_ json: String) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
        return try #require(object as? [String: Any])
    }

    /// Translates random chunks of these characters, and expects a record, or a reason, of each that is UTF-8.
    static func expectSound(
        _ alphabet: [String], seed: UInt64, rounds: Int, by translator: inout some RecordTranslator
    ) throws {
        var dice = TextDice(seed: seed)
        for _ in 0..<rounds {
            var bytes: [UInt8] = []
            for _ in 0..<dice.number(in: 1...40) { bytes += Array(dice.pick(alphabet).utf8) }
            let chunk = TranslatedChunk(bytes, by: &translator)
            for record in chunk.records {
                #expect(record.range.lowerBound >= 0 && record.range.upperBound <= bytes.count)
                if let json = record.json {
                    let shown = String(decoding: bytes, as: UTF8.self)
                    #expect(throws: Never.self, "\(shown) became \(json)") { try members(json) }
                } else {
                    #expect(record.reason?.isEmpty == false)
                }
            }
        }
    }
}
