import Events

/// What the scanner says of a whole text.
enum ScannerVerdict: Equatable, CustomStringConvertible {
    case sound
    case hazard(JSONScanner.Hazard)
    case malformed(JSONError.Problem, at: Int)

    init(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        self.init(bytes, 0..<bytes.count)
    }

    /// Of the part of `bytes` in `range`; offsets count from the start of `bytes`.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self = bytes.withUnsafeBufferPointer { buffer in
            let nothing: [UInt8] = [0]
            return nothing.withUnsafeBufferPointer { empty in
                ScannerVerdict(buffer.baseAddress ?? empty.baseAddress!, range)
            }
        }
    }

    private init(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) {
        var scanner = JSONScanner(base, from: range.lowerBound, to: range.upperBound)
        do {
            let token = try scanner.scanValue()
            precondition(range.lowerBound <= token.start && token.end <= scanner.position)
            try scanner.expectEnd()
            self = scanner.hazard.map { .hazard($0) } ?? .sound
        } catch {
            self = .malformed(error.problem, at: error.offset)
        }
    }

    var isWellFormed: Bool {
        if case .malformed = self { false } else { true }
    }

    var description: String {
        switch self {
        case .sound: "sound"
        case .hazard(let hazard): "\(hazard)"
        case .malformed(let problem, let offset): "\(problem) at \(offset)"
        }
    }
}
