/// A record as its source holds it.
package struct SourceRecord: Sendable {
    /// Its first physical line, from 1.
    package var line: Int64
    /// Without its line end.
    package var bytes: [UInt8]

    package init(line: Int64, bytes: [UInt8]) {
        self.line = line
        self.bytes = bytes
    }
}
