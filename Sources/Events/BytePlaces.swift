#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension UnsafeBufferPointer<UInt8> {
    /// The place of the first line feed at or behind `start`.
    @inline(__always)
    package func firstNewline(from start: Int = 0) -> Int? {
        guard let baseAddress, start < count else { return nil }
        return memchr(baseAddress + start, 0x0A, count - start).map {
            UnsafeRawPointer(baseAddress).distance(to: UnsafeRawPointer($0))
        }
    }

    /// The place of the first of these bytes, at or behind `start`.
    package func first(of bytes: [UInt8], from start: Int = 0) -> Int? {
        guard let baseAddress, let first = bytes.first else { return nil }
        var place = start
        while place + bytes.count <= count {
            guard let found = memchr(baseAddress + place, Int32(first), count - bytes.count + 1 - place)
            else {
                return nil
            }
            place = UnsafeRawPointer(baseAddress).distance(to: UnsafeRawPointer(found))
            if memcmp(baseAddress + place, bytes, bytes.count) == 0 { return place }
            place += 1
        }
        return nil
    }

    /// How many line feeds there are in a stretch.
    package func newlines(in range: Range<Int>) -> Int64 {
        var count: Int64 = 0
        var place = range.lowerBound
        while let next = firstNewline(from: place), next < range.upperBound {
            count += 1
            place = next + 1
        }
        return count
    }
}
